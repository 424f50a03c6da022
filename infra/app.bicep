// The function app on Flex Consumption: the plan, the app, its settings, and how people sign in.
param name string
param location string
param tags object
param identityId string
param identityClientId string
param hostAccount string
param packagesContainer string
param signingKeysUri string
param applicationInsightsConnection string

@description('The registry, one object an organization, as shared/settings.py reads it.')
param organizations array

param publicAddress string
param entraClientId string
param severalTenants bool
param behindFrontDoor bool
param alwaysReadyInstances int
param maximumInstances int

var storageSuffix = environment().suffixes.storage

resource plan 'Microsoft.Web/serverfarms@2024-04-01' = {
  name: 'plan-${name}'
  location: location
  tags: tags
  kind: 'functionapp'
  sku: {
    tier: 'FlexConsumption'
    name: 'FC1'
  }
  properties: {
    reserved: true
  }
}

resource app 'Microsoft.Web/sites@2024-04-01' = {
  name: name
  location: location
  tags: union(tags, { 'azd-service-name': 'app' })
  kind: 'functionapp,linux'
  identity: {
    type: 'UserAssigned'
    userAssignedIdentities: {
      '${identityId}': {}
    }
  }
  properties: {
    serverFarmId: plan.id
    httpsOnly: true
    keyVaultReferenceIdentity: identityId
    // Of these only what Flex Consumption takes ("Flex Consumption plan deprecations"): it has no FTP.
    siteConfig: {
      minTlsVersion: '1.2'
    }
    functionAppConfig: {
      deployment: {
        storage: {
          type: 'blobContainer'
          value: 'https://${hostAccount}.blob.${storageSuffix}/${packagesContainer}'
          authentication: {
            type: 'UserAssignedIdentity'
            userAssignedIdentityResourceId: identityId
          }
        }
      }
      scaleAndConcurrency: {
        // All HTTP functions scale together, apart from queues and timers: a pixel finds an
        // instance that runs.
        alwaysReady: [
          {
            name: 'http'
            instanceCount: alwaysReadyInstances
          }
        ]
        maximumInstanceCount: maximumInstances
        instanceMemoryMB: 2048
      }
      runtime: {
        name: 'python'
        version: '3.13'
      }
    }
  }
}

// Every setting of the app, but those of one machine; docs/settings.md says what each means. On
// Flex Consumption FUNCTIONS_WORKER_RUNTIME is the runtime above, and the platform itself sets
// WEBSITE_AUTH_ENABLED where sign-in is on.
resource settings 'Microsoft.Web/sites/config@2024-04-01' = {
  parent: app
  name: 'appsettings'
  properties: {
    AzureWebJobsStorage__blobServiceUri: 'https://${hostAccount}.blob.${storageSuffix}'
    AzureWebJobsStorage__queueServiceUri: 'https://${hostAccount}.queue.${storageSuffix}'
    AzureWebJobsStorage__tableServiceUri: 'https://${hostAccount}.table.${storageSuffix}'
    AzureWebJobsStorage__credential: 'managedidentity'
    AzureWebJobsStorage__clientId: identityClientId
    AzureWebJobsDisableHomepage: 'true'
    APPLICATIONINSIGHTS_CONNECTION_STRING: applicationInsightsConnection
    APPLICATIONINSIGHTS_AUTHENTICATION_STRING: 'ClientId=${identityClientId};Authorization=AAD'
    APPLICATIONINSIGHTS_STATSBEAT_DISABLED_ALL: 'true'
    AZURE_CLIENT_ID: identityClientId
    AZURE_TOKEN_CREDENTIALS: 'ManagedIdentityCredential'
    OVERRIDE_USE_MI_FIC_ASSERTION_CLIENTID: identityClientId
    ORGANIZATIONS: string(organizations)
    SIGNING_KEYS: '@Microsoft.KeyVault(SecretUri=${signingKeysUri})'
    PUBLIC_ADDRESS: publicAddress
    ENTRA_CLIENT_ID: entraClientId
    DUE_SCHEDULE: '*/15 * * * * *'
    SWEEP_SCHEDULE: '0 * * * * *'
    WATCH_SCHEDULE: '30 * * * * *'
    LOOK_SECONDS: '300'
    TRUSTED_PROXY_HOPS: behindFrontDoor ? '2' : '1'
    COUNTRY_HEADER: ''
    JOURNAL_DIR: '/tmp/engagement-journal'
  }
}

// People sign in with Entra; recipients, CRMs and Graph come without, so nobody is turned away
// here: the app decides. Whose tenant has no organization may sign in and sees nothing.
resource authentication 'Microsoft.Web/sites/config@2024-04-01' = if (!empty(entraClientId)) {
  parent: app
  name: 'authsettingsV2'
  properties: {
    platform: {
      enabled: true
    }
    globalValidation: {
      requireAuthentication: false
      unauthenticatedClientAction: 'AllowAnonymous'
    }
    identityProviders: {
      azureActiveDirectory: {
        enabled: true
        registration: {
          clientId: entraClientId
          // No secret: the app's identity vouches for it (a federated credential, hooks.py).
          clientSecretSettingName: 'OVERRIDE_USE_MI_FIC_ASSERTION_CLIENTID'
          openIdIssuer: '${environment().authentication.loginEndpoint}${severalTenants ? 'organizations' : subscription().tenantId}/v2.0'
        }
        validation: {
          allowedAudiences: [
            entraClientId
          ]
        }
      }
    }
    login: {
      tokenStore: {
        enabled: false
      }
    }
    httpSettings: {
      requireHttps: true
      forwardProxy: {
        convention: behindFrontDoor ? 'Standard' : 'NoProxy'
      }
    }
  }
  // One write of the app's configuration at a time.
  dependsOn: [
    settings
  ]
}

output name string = app.name
